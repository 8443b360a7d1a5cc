variable "name" {
  description = "Name of the machine."
  type        = string
  default     = "rancher"
}

variable "location" {
  description = "Where the machine is, such as fsn1."
  type        = string
}

variable "server_type" {
  description = "Rancher wants 2 cores and 8 GB at least for a few clusters."
  type        = string
  default     = "cx33"
}

variable "image" {
  description = "Image of a new machine."
  type        = string
  default     = "debian-13"
}

variable "ssh_keys" {
  description = "Names of Hetzner's SSH keys that open the machine."
  type        = list(string)
  default     = []
}

variable "ssh_ranges" {
  description = "Address ranges that reach port 22; none: nobody."
  type        = set(string)
  default     = []
}

variable "api_ranges" {
  description = "Address ranges that reach the Kubernetes API of Rancher's own cluster. Yours, for upgrades."
  type        = set(string)

  validation {
    condition     = length(setintersection(var.api_ranges, ["0.0.0.0/0", "::/0"])) == 0
    error_message = "api_ranges must not be the whole world."
  }
}

variable "hostname" {
  description = "Rancher's name; its DNS record must lead to output `address`. Empty: a name of sslip.io. Never change it: all agents know it."
  type        = string
  default     = ""
}

variable "k3s_version" {
  description = "Version of k3s for a new machine; must go with the Rancher (catalog/rancher.yml)."
  type        = string
  default     = "v1.35.8+k3s1"

  validation {
    condition     = can(regex("^v[0-9]+\\.[0-9]+\\.[0-9]+\\+k3s[0-9]+$", var.k3s_version))
    error_message = "k3s_version must be a release of k3s, such as v1.35.8+k3s1."
  }
}

variable "rancher_version" {
  description = "Version of Rancher, such as 2.15.1; empty: that of catalog/rancher.yml."
  type        = string
  default     = ""
}

variable "bootstrap_password" {
  description = "Password of the first sign-in, made beforehand, 12 characters at least."
  type        = string
  sensitive   = true
}

variable "acme_email" {
  description = "Address for Let's Encrypt, which then makes the certificate; empty: Rancher makes its own."
  type        = string
  default     = ""
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

variable "protected" {
  description = "Whether nobody can delete machine and address. To purge: false, apply, then destroy."
  type        = bool
  default     = true
}

variable "keys" {
  description = "Authorities, tokens and the administrator's certificate of Rancher's own cluster; `node scripts/cluster-keys.ts` makes them."
  sensitive   = true
  type = object({
    token       = string
    agent_token = string
    files       = map(string)
    admin_crt   = string
    admin_key   = string
  })
}
