# DigitalOcean: disks are as large as the size brings. Rancher by RANCHER_URL and RANCHER_TOKEN_KEY, the cloud by TF_VAR_credential.

provider "rancher2" {}

variable "credential" {
  description = "access_token as a map."
  type        = map(string)
  sensitive   = true
}

module "cluster" {
  source = "../.."

  name               = "omegaml"
  kubernetes_version = "v1.35.8+rke2r1"
  credential         = var.credential

  digitalocean = {
    region             = "fra1"
    image              = "ubuntu-24-04-x64"
    monitoring         = true
    private_networking = true
    tags               = "omegaml"
  }

  pools = {
    control  = { role = "control", machine_type = "s-4vcpu-8gb", size = 1 }
    dbmaster = { role = "dbmaster", machine_type = "s-4vcpu-8gb", size = 1 }
    ingress  = { role = "ingress", machine_type = "s-2vcpu-4gb", size = 1 }
    system   = { role = "system", machine_type = "s-2vcpu-4gb", size = 1 }
    worker   = { role = "worker", machine_type = "s-4vcpu-8gb", size = 1, min = 1, max = 5 }
  }
}

output "pools" {
  value = module.cluster.pools
}

output "kubeconfig" {
  value     = module.cluster.kubeconfig
  sensitive = true
}
