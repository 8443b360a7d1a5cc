# Hetzner: machines that join a custom cluster. Rancher by RANCHER_URL and RANCHER_TOKEN_KEY, Hetzner by HCLOUD_TOKEN.

provider "rancher2" {}
provider "hcloud" {}

variable "operator_ranges" {
  type    = set(string)
  default = []
}

variable "hcloud_token" {
  description = "For the cloud controller and the CSI driver in the cluster."
  type        = string
  sensitive   = true
}

variable "workers" {
  type    = number
  default = 1
}

module "cluster" {
  source = "../.."

  name                = "omegaml"
  kubernetes_version  = "v1.35.8+rke2r1"
  custom              = true
  wait_for            = module.machines.machines
  cloud_provider      = "external"
  additional_manifest = module.machines.manifest
  chart_values        = module.machines.chart_values
}

module "machines" {
  source = "../../hetzner"

  name            = "omegaml"
  registration    = module.cluster.registration
  hcloud_token    = var.hcloud_token
  location        = "fsn1"
  operator_ranges = var.operator_ranges
  pools = {
    control  = { role = "control", machine_type = "cx33", size = 1 }
    dbmaster = { role = "dbmaster", machine_type = "cx33", size = 1 }
    ingress  = { role = "ingress", machine_type = "cx23", size = 1 }
    system   = { role = "system", machine_type = "cx23", size = 1 }
    worker   = { role = "worker", machine_type = "cx33", size = var.workers }
  }
}

output "ingress" {
  value = module.machines.ingress
}

output "machines" {
  value = module.machines.machines
}

output "kubeconfig" {
  value     = module.cluster.kubeconfig
  sensitive = true
}
