# The first sign-in at a new Rancher: the admin's password, and a token for everything after. Its provider must be one of
# its own with `bootstrap = true`.

terraform {
  required_version = ">= 1.6"
  required_providers {
    rancher2 = {
      source  = "rancher/rancher2"
      version = ">= 13.0"
    }
  }
}

variable "bootstrap_password" {
  description = "That of module charts."
  type        = string
  sensitive   = true
}

variable "admin_password" {
  description = "Password of the user admin from then on."
  type        = string
  sensitive   = true

  validation {
    condition     = length(var.admin_password) >= 12 && var.admin_password != var.bootstrap_password
    error_message = "admin_password must have 12 characters at least and differ from bootstrap_password."
  }
}

variable "token_days" {
  description = "How long the token lasts; Rancher itself allows 90 days at most unless its settings say more."
  type        = number
  default     = 90
}

variable "renew_token" {
  description = "true: the next apply makes another token. Put it back to false after."
  type        = bool
  default     = false
}

resource "rancher2_bootstrap" "admin" {
  initial_password = var.bootstrap_password
  password         = var.admin_password
  token_ttl        = var.token_days * 86400
  token_update     = var.renew_token
}

output "url" {
  description = "Where Rancher is."
  value       = rancher2_bootstrap.admin.url
}

output "token" {
  description = "The admin's token: for Terraform on the operator's side only. Whoever has it has every cluster of this Rancher."
  value       = rancher2_bootstrap.admin.token
  sensitive   = true
}
