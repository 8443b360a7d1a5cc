variable "name" {
  description = "Name of the cluster, unique in its Rancher."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$", var.name))
    error_message = "name must begin with a letter and hold a-z, 0-9 and - only, 30 at most."
  }
}

variable "ordered_by" {
  description = "Of a cluster that a site's service ordered: the site. What Rancher has of it bears it as label omegaml.io/ordered-by."
  type        = string
  default     = null
}

variable "kubernetes_version" {
  description = "One of Rancher's, such as v1.35.8+rke2r1 or v1.35.8+k3s1: its end says which distribution is installed."
  type        = string

  validation {
    condition     = can(regex("^v[0-9]+\\.[0-9]+\\.[0-9]+\\+(rke2r|k3s)[0-9]+$", var.kubernetes_version))
    error_message = "kubernetes_version must be one of Rancher's, such as v1.35.8+rke2r1."
  }
}

variable "rancher_minor" {
  description = "Minor version of Rancher that the provider's version belongs to; read from Rancher and compared before anything is made."
  type        = string
  default     = "2.15"
}

variable "cni" {
  description = "Network of RKE2's pods: it must enforce NetworkPolicies. k3s brings its own."
  type        = string
  default     = "calico"

  validation {
    condition     = contains(["calico", "canal", "cilium"], var.cni)
    error_message = "cni must be calico, canal or cilium."
  }
}

variable "disable" {
  description = "What the distribution brings and must not, beside what collides with the site's own ingress and storage."
  type        = list(string)
  default     = []
}

variable "pools" {
  description = "Machines by pool. A role becomes the node label omegaml.io/role; role `control` runs the control plane and etcd, on 1, 3 or 5 machines. min and max: an autoscaler sets the size between them. machine: settings of the driver that differ for this pool."
  type = map(object({
    role         = string
    machine_type = optional(string)
    cores        = optional(number)
    memory_gb    = optional(number)
    size         = number
    min          = optional(number)
    max          = optional(number)
    disk_gb      = optional(number)
    labels       = optional(map(string), {})
    taints       = optional(list(object({ key = string, value = optional(string, ""), effect = string })), [])
    machine      = optional(map(string), {})
  }))
  default = {}

  validation {
    condition     = alltrue([for pool in var.pools : contains([1, 3, 5], pool.size) && pool.min == null && pool.max == null if pool.role == "control"])
    error_message = "A pool with role control has 1, 3 or 5 machines, and no min or max: etcd needs a majority."
  }

  validation {
    condition     = alltrue([for pool in var.pools : (pool.min == null) == (pool.max == null)])
    error_message = "A pool has both min and max, or neither."
  }

  validation {
    condition     = alltrue([for pool in var.pools : try(pool.min <= pool.size && pool.size <= pool.max, pool.min == null)])
    error_message = "A pool's size is from min to max."
  }

  validation {
    condition     = alltrue([for pool in var.pools : pool.cores != null && pool.memory_gb != null if coalesce(pool.min, 1) == 0])
    error_message = "A pool with min 0 needs cores and memory_gb: an autoscaler has no machine to look at."
  }
}

variable "observed" {
  description = "Sizes by pool as they are now, looked up before each plan: an autoscaled pool keeps the size that it has."
  type        = map(number)
  default     = {}
}

variable "custom" {
  description = "Machines come from elsewhere and join by the command in output `registration`; no driver and no pools then."
  type        = bool
  default     = false
}

variable "wait_for" {
  description = "Of a custom cluster: something of its machines, so that the cluster is waited for after they were ordered."
  type        = any
  default     = null
}

variable "credential" {
  description = "Of the cloud: the fields of the driver's credential in rancher2_cloud_credential, such as access_key and secret_key."
  type        = map(string)
  default     = {}
  sensitive   = true
}

variable "credential_name" {
  description = "Instead of `credential`: name of a cloud credential that Rancher has."
  type        = string
  default     = null
}

variable "cloud_provider" {
  description = "Name of an external cloud provider (aws, azure, rancher-vsphere, …). Nodes stay tainted until its controller runs, which additional_manifest must bring; Rancher brings rancher-vsphere itself."
  type        = string
  default     = null
}

variable "additional_manifest" {
  description = "YAML that is applied while the cluster comes up: cloud controller, CSI driver."
  type        = string
  default     = null
}

variable "chart_values" {
  description = "YAML: values of the distribution's own charts, by chart."
  type        = string
  default     = null
}

variable "agent_env" {
  description = "Environment of Rancher's agents, such as HTTPS_PROXY and NO_PROXY."
  type        = map(string)
  default     = {}
}

variable "snapshots" {
  description = "etcd's snapshots: when, how many are kept, and where beside the machines' own disks."
  type = object({
    schedule  = optional(string, "0 */6 * * *")
    retention = optional(number, 8)
    s3 = optional(object({
      bucket    = string
      endpoint  = string
      region    = optional(string)
      folder    = optional(string)
      retention = optional(number)
    }))
  })
  default = {}
}

variable "s3_credential" {
  description = "Of the snapshots' bucket: access_key and secret_key."
  type        = object({ access_key = string, secret_key = string })
  default     = null
  sensitive   = true
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

variable "service_password" {
  description = "Given, Rancher gets a user for this cluster alone, and output `service_token` its token: for what runs inside the cluster and must not have an administrator's."
  type        = string
  default     = null
  sensitive   = true
}

variable "service_token_days" {
  description = "How long the service user's token is valid. Rancher may allow less."
  type        = number
  default     = 90
}

variable "timeout" {
  description = "How long the cluster may take to come up, change or go."
  type        = string
  default     = "60m"
}
