# Everything on one machine, which is the control plane too.
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
  control      = { server_type = "cx43", role = "worker" }
}

output "kubeconfig" {
  value     = module.cluster.kubeconfig
  sensitive = true
}

output "ingress" {
  value = module.cluster.ingress
}
