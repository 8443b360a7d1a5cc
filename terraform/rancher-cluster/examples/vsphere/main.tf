# vSphere: machines are clones of a template, with cores and memory as asked for. Rancher by RANCHER_URL and RANCHER_TOKEN_KEY, the cloud by TF_VAR_credential.

provider "rancher2" {}

variable "credential" {
  description = "username, password, vcenter as a map."
  type        = map(string)
  sensitive   = true
}

module "cluster" {
  source = "../.."

  name               = "omegaml"
  kubernetes_version = "v1.35.8+rke2r1"
  credential         = var.credential

  vsphere = {
    creation_type = "template"
    clone_from    = "/dc1/vm/templates/ubuntu-24.04"
    datacenter    = "/dc1"
    datastore     = "/dc1/datastore/ssd"
    folder        = "/dc1/vm/omegaml"
    pool          = "/dc1/host/cluster1/Resources/omegaml"
    network       = ["/dc1/network/omegaml"]
  }

  # Rancher brings the controller and the CSI driver of this one.
  cloud_provider = "rancher-vsphere"

  pools = {
    control  = { role = "control", cores = 4, memory_gb = 8, disk_gb = 60, size = 1 }
    dbmaster = { role = "dbmaster", cores = 2, memory_gb = 8, disk_gb = 60, size = 1 }
    ingress  = { role = "ingress", cores = 2, memory_gb = 4, disk_gb = 40, size = 1 }
    system   = { role = "system", cores = 2, memory_gb = 4, disk_gb = 40, size = 1 }
    worker   = { role = "worker", cores = 2, memory_gb = 8, disk_gb = 60, size = 1, min = 1, max = 5 }
  }
}

output "pools" {
  value = module.cluster.pools
}

output "kubeconfig" {
  value     = module.cluster.kubeconfig
  sensitive = true
}
