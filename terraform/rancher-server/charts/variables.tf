variable "hostname" {
  description = "Name under which Rancher is reached, by people and by the agents of its clusters."
  type        = string
}

variable "rancher_version" {
  description = "Version of Rancher, such as 2.15.1; empty: that of the catalogue. Its minor version must be in catalog/rancher.yml."
  type        = string
  default     = ""
}

variable "bootstrap_password" {
  description = "Password of the first sign-in, made beforehand; module bootstrap changes it to the admin's."
  type        = string
  sensitive   = true

  validation {
    condition     = length(var.bootstrap_password) >= 12
    error_message = "bootstrap_password must have 12 characters at least."
  }
}

variable "acme_email" {
  description = "Address for Let's Encrypt, which then makes the certificate; empty: Rancher makes its own."
  type        = string
  default     = ""
}

variable "ingress_class" {
  description = "Class of the Ingress in front of Rancher."
  type        = string
  default     = "traefik"
}

variable "replicas" {
  description = "Copies of Rancher; not more than there are machines."
  type        = number
  default     = 1
}

variable "backup" {
  description = "S3 bucket for Rancher's backups; null: none. encryption_key: 32 bytes in base64; without it no backup can be read."
  sensitive   = true
  default     = null
  type = object({
    bucket         = string
    endpoint       = string
    region         = optional(string, "")
    folder         = optional(string, "rancher")
    access_key     = string
    secret_key     = string
    encryption_key = string
    schedule       = optional(string, "0 3 * * *")
    keep           = optional(number, 14)
  })
}
