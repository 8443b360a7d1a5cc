# Usage: tofu apply, kubectl apply -f "$(tofu output -raw manifest_url)", tofu apply -var registered=true

variable "rancher_url" { type = string }

variable "rancher_token" {
  type      = string
  sensitive = true
}

variable "registered" {
  type    = bool
  default = false
}

provider "rancher2" {
  api_url   = var.rancher_url
  token_key = var.rancher_token
}

module "cluster" {
  source     = "../.."
  name       = "omega"
  registered = var.registered
}

output "manifest_url" {
  value     = module.cluster.manifest_url
  sensitive = true
}
