variable "name" {
  description = "Name of the cluster in Rancher."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", var.name))
    error_message = "name must begin with a letter and hold a-z, 0-9 and - only."
  }
}

variable "description" {
  description = "For people who look at Rancher."
  type        = string
  default     = "omega|ml, by cloudmgr"
}

variable "labels" {
  description = "Labels of the cluster in Rancher."
  type        = map(string)
  default     = {}
}

variable "registered" {
  description = "true after the manifest was applied: then apply waits until Rancher sees the cluster."
  type        = bool
  default     = false
}

variable "project" {
  description = "Rancher project of the site. quota: what all its namespaces have together, and what one has by default; container: what a container has that says nothing."
  type = object({
    name = optional(string, "omegaml")
    quota = optional(object({
      project   = map(string)
      namespace = map(string)
    }))
    container = optional(object({
      limits_cpu      = optional(string)
      limits_memory   = optional(string)
      requests_cpu    = optional(string)
      requests_memory = optional(string)
    }))
  })
  default = {}
}

variable "monitoring" {
  description = "Rancher Monitoring (about 2.7 CPU and 4 GB of its own). null: none. version: of its chart, Rancher's newest when left out. rules: more groups of Prometheus rules beside ours."
  type = object({
    version       = optional(string)
    retention     = optional(string, "10d")
    storage_class = optional(string)
    storage_gb    = optional(number, 50)
    node_role     = optional(string)
    rules         = optional(any, [])
  })
  default = null
}

variable "alerts" {
  description = "Who is told: mails by a server, webhooks, Slack channels, PagerDuty."
  type = object({
    mail = optional(object({
      to          = list(string)
      from        = string
      smarthost   = string
      username    = optional(string)
      password    = optional(string)
      require_tls = optional(bool, true)
    }))
    webhooks = optional(list(string), [])
    slack    = optional(list(object({ url = string, channel = optional(string) })), [])
    # Integration keys.
    pagerduty = optional(list(string), [])
  })
  default   = {}
  sensitive = true
}
