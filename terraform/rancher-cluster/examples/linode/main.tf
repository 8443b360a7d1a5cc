# Linode (Akamai): disks are as large as the type brings. Rancher by RANCHER_URL and RANCHER_TOKEN_KEY, the cloud by TF_VAR_credential.

provider "rancher2" {}

variable "credential" {
  description = "token as a map."
  type        = map(string)
  sensitive   = true
}

module "cluster" {
  source = "../.."

  name               = "omegaml"
  kubernetes_version = "v1.35.8+rke2r1"
  credential         = var.credential

  linode = {
    region            = "eu-central"
    image             = "linode/ubuntu24.04"
    create_private_ip = true
    tags              = "omegaml"
  }

  pools = {
    control  = { role = "control", machine_type = "g6-standard-4", size = 1 }
    dbmaster = { role = "dbmaster", machine_type = "g6-standard-4", size = 1 }
    ingress  = { role = "ingress", machine_type = "g6-standard-2", size = 1 }
    system   = { role = "system", machine_type = "g6-standard-2", size = 1 }
    worker   = { role = "worker", machine_type = "g6-standard-4", size = 1, min = 1, max = 5 }
  }
}

output "pools" {
  value = module.cluster.pools
}

output "kubeconfig" {
  value     = module.cluster.kubeconfig
  sensitive = true
}
