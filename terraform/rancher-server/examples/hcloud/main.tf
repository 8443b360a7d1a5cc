# A Rancher on a machine of its own. Usage: node ../../../../scripts/cluster-keys.ts keys.auto.tfvars.json,
# HCLOUD_TOKEN=… tofu apply -target module.server, let Rancher's name lead to output `address`, then tofu apply.

variable "my_ranges" { type = set(string) }

variable "hostname" { type = string }

variable "acme_email" { type = string }

variable "bootstrap_password" {
  type      = string
  sensitive = true
}

variable "admin_password" {
  type      = string
  sensitive = true
}

variable "keys" {
  type      = any
  sensitive = true
}

provider "hcloud" {}

module "server" {
  source             = "../.."
  location           = "fsn1"
  ssh_ranges         = var.my_ranges
  api_ranges         = var.my_ranges
  hostname           = var.hostname
  acme_email         = var.acme_email
  bootstrap_password = var.bootstrap_password
  keys               = var.keys
}

provider "rancher2" {
  alias     = "bootstrap"
  api_url   = module.server.url
  bootstrap = true
  # A new Rancher answers after some minutes.
  timeout = "20m"
}

module "bootstrap" {
  source             = "../../bootstrap"
  providers          = { rancher2 = rancher2.bootstrap }
  bootstrap_password = var.bootstrap_password
  admin_password     = var.admin_password
}

output "address" {
  value = module.server.address
}

output "kubeconfig" {
  value     = module.server.kubeconfig
  sensitive = true
}

output "token" {
  value     = module.bootstrap.token
  sensitive = true
}
