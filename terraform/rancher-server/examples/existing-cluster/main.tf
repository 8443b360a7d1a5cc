# A Rancher in a cluster that is there. Usage: tofu apply -target module.charts; install what output `charts` lists with Helm,
# in its order, and apply output `objects`; then tofu apply for the first sign-in.

variable "hostname" { type = string }

variable "bootstrap_password" {
  type      = string
  sensitive = true
}

variable "admin_password" {
  type      = string
  sensitive = true
}

module "charts" {
  source             = "../../charts"
  hostname           = var.hostname
  bootstrap_password = var.bootstrap_password
  ingress_class      = "nginx"
  replicas           = 3
}

provider "rancher2" {
  alias     = "bootstrap"
  api_url   = "https://${var.hostname}"
  bootstrap = true
  timeout   = "20m"
}

module "bootstrap" {
  source             = "../../bootstrap"
  providers          = { rancher2 = rancher2.bootstrap }
  bootstrap_password = var.bootstrap_password
  admin_password     = var.admin_password
}

output "charts" {
  value     = module.charts.charts
  sensitive = true
}

output "objects" {
  value     = module.charts.objects
  sensitive = true
}

output "token" {
  value     = module.bootstrap.token
  sensitive = true
}
