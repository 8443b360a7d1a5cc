# The smallest full site: a control plane and one machine per role.
# Usage: node ../../../../scripts/cluster-keys.ts keys.auto.tfvars.json, then HCLOUD_TOKEN=… tofu apply

variable "my_ranges" {
  description = "Where you are, such as [\"203.0.113.7/32\"]."
  type        = set(string)
}

variable "hcloud_token" {
  type      = string
  sensitive = true
}

variable "keys" {
  type      = any
  sensitive = true
}

provider "hcloud" {}

module "cluster" {
  source       = "../.."
  name         = "omega"
  location     = "fsn1"
  ssh_ranges   = var.my_ranges
  api_ranges   = var.my_ranges
  hcloud_token = var.hcloud_token
  keys         = var.keys
  pools = {
    dbmaster = { role = "dbmaster", server_type = "ccx13", size = 1 }
    ingress  = { role = "ingress", server_type = "cx23", size = 1 }
    system   = { role = "system", server_type = "cx23", size = 1 }
    worker   = { role = "worker", server_type = "ccx13", size = 1 }
  }
}

output "kubeconfig" {
  value     = module.cluster.kubeconfig
  sensitive = true
}

output "ingress" {
  value = module.cluster.ingress
}
