# A second cluster in the network of another one, which its nodes and pods reach by private addresses. Its API is for who is in
# the network; nobody outside reaches it, and there is no load balancer.
# Usage: node ../../../../scripts/cluster-keys.ts keys.auto.tfvars.json, then HCLOUD_TOKEN=… tofu apply -var network_id=…

variable "network_id" {
  description = "Of the other cluster's network: network_id in its output `joining`."
  type        = number
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
  source        = "../.."
  name          = "omega-second"
  location      = "fsn1"
  network_id    = var.network_id
  subnet_range  = "10.0.128.0/24"
  private_api   = true
  load_balancer = false
  api_ranges    = []
  hcloud_token  = var.hcloud_token
  keys          = var.keys
  # The first machine works, too.
  control = { server_type = "cx33", role = "worker" }
  pools   = { machine = { role = "worker", server_type = "cx33", size = 1 } }
}

output "kubeconfig" {
  value     = module.cluster.kubeconfig
  sensitive = true
}
