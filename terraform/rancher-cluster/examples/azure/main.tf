# Azure. Rancher by RANCHER_URL and RANCHER_TOKEN_KEY, the cloud by TF_VAR_credential.

provider "rancher2" {}

variable "credential" {
  description = "client_id, client_secret, subscription_id, tenant_id as a map."
  type        = map(string)
  sensitive   = true
}

module "cluster" {
  source = "../.."

  name               = "omegaml"
  kubernetes_version = "v1.35.8+rke2r1"
  credential         = var.credential

  azure = {
    location       = "germanywestcentral"
    resource_group = "omegaml"
    image          = "canonical:ubuntu-24_04-lts:server:latest"
    vnet           = "omegaml-nodes"
    subnet         = "omegaml-nodes"
    nsg            = "omegaml-nodes"
    managed_disks  = true
    storage_type   = "StandardSSD_LRS"
  }

  pools = {
    control  = { role = "control", machine_type = "Standard_D2s_v5", disk_gb = 60, size = 1 }
    dbmaster = { role = "dbmaster", machine_type = "Standard_D2s_v5", disk_gb = 60, size = 1 }
    ingress  = { role = "ingress", machine_type = "Standard_B2s", disk_gb = 40, size = 1 }
    system   = { role = "system", machine_type = "Standard_B2s", disk_gb = 40, size = 1 }
    worker   = { role = "worker", machine_type = "Standard_D2s_v5", disk_gb = 60, size = 1, min = 1, max = 5 }
  }
}

output "pools" {
  value = module.cluster.pools
}

output "kubeconfig" {
  value     = module.cluster.kubeconfig
  sensitive = true
}
