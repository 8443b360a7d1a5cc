variable "cluster_id" {
  description = "As Rancher's API calls the cluster: c-m-…; of one that is there: whatever makes it known must wait for it."
  type        = string
}

variable "system_project_id" {
  description = "Project of what belongs to the cluster itself."
  type        = string
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

variable "namespaces" {
  description = "The site's own namespaces by name, each with a quota if wanted (names as in the project's)."
  type = map(object({
    quota  = optional(map(string))
    labels = optional(map(string), {})
  }))
  default = { omegaml-services = {}, omegaml-runtime = {} }
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
