# OpenStack: with a disk size, machines start from a volume of that size. Rancher by RANCHER_URL and RANCHER_TOKEN_KEY, the cloud by TF_VAR_credential.

provider "rancher2" {}

variable "credential" {
  description = "password as a map."
  type        = map(string)
  sensitive   = true
}

variable "auth_url" {
  type = string
}

variable "username" {
  type = string
}

module "cluster" {
  source = "../.."

  name               = "omegaml"
  kubernetes_version = "v1.35.8+rke2r1"
  credential         = var.credential

  openstack = {
    auth_url          = var.auth_url
    region            = "RegionOne"
    availability_zone = "nova"
    username          = var.username
    tenant_name       = "omegaml"
    domain_name       = "Default"
    image_name        = "ubuntu-24.04"
    net_name          = "omegaml"
    sec_groups        = "omegaml-nodes"
    ssh_user          = "ubuntu"
  }

  pools = {
    control  = { role = "control", machine_type = "m1.large", disk_gb = 60, size = 1 }
    dbmaster = { role = "dbmaster", machine_type = "m1.large", disk_gb = 60, size = 1 }
    ingress  = { role = "ingress", machine_type = "m1.medium", disk_gb = 40, size = 1 }
    system   = { role = "system", machine_type = "m1.medium", disk_gb = 40, size = 1 }
    worker   = { role = "worker", machine_type = "m1.large", disk_gb = 60, size = 1, min = 1, max = 5 }
  }
}

output "pools" {
  value = module.cluster.pools
}

output "kubeconfig" {
  value     = module.cluster.kubeconfig
  sensitive = true
}
