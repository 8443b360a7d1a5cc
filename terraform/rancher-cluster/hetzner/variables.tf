variable "name" {
  description = "Name of the cluster; the names of everything begin with it."
  type        = string
}

variable "registration" {
  description = "Output `registration` of module rancher-cluster. It is in the machines' user data: whoever reads that can join."
  type        = string
  sensitive   = true
}

variable "hcloud_token" {
  description = "Token of Hetzner's API for the cloud controller and the CSI driver; whoever may read the cluster's settings in Rancher sees it."
  type        = string
  sensitive   = true
}

variable "pools" {
  description = "Machines by pool, as in rancher-cluster. Nothing scales them by itself, so there is no min and max."
  type = map(object({
    role         = string
    machine_type = string
    size         = number
    location     = optional(string)
    labels       = optional(map(string), {})
    taints       = optional(list(object({ key = string, value = optional(string, ""), effect = string })), [])
  }))

  validation {
    condition     = length([for pool in var.pools : pool if pool.role == "control" && contains([1, 3, 5], pool.size)]) == 1
    error_message = "One pool has role control, with 1, 3 or 5 machines."
  }

  validation {
    condition     = alltrue(flatten([for pool in var.pools : [for label, value in pool.labels : can(regex("^[A-Za-z0-9._/-]+$", label)) && can(regex("^[A-Za-z0-9._-]*$", value))]]))
    error_message = "Labels hold letters, digits, . _ - only, keys also one /."
  }

  validation {
    condition     = alltrue(flatten([for pool in var.pools : [for taint in pool.taints : can(regex("^[A-Za-z0-9._/-]+$", taint.key)) && can(regex("^[A-Za-z0-9._-]*$", taint.value)) && contains(["NoSchedule", "PreferNoSchedule", "NoExecute"], taint.effect)]]))
    error_message = "Taints hold letters, digits, . _ - only, keys also one /; the effect is NoSchedule, PreferNoSchedule or NoExecute."
  }
}

variable "location" {
  description = "Where machines are, such as fsn1; volumes can be used in their own location only."
  type        = string
}

variable "network_zone" {
  description = "Zone of the location: eu-central for fsn1, nbg1 and hel1."
  type        = string
  default     = "eu-central"
}

variable "network_range" {
  description = "Private range. Pods have 10.42.0.0/16, Services 10.43.0.0/16: it must not touch them."
  type        = string
  default     = "10.0.0.0/16"
}

variable "subnet_range" {
  description = "Part of network_range that machines get addresses of."
  type        = string
  default     = "10.0.1.0/24"
}

variable "load_balancer_type" {
  description = "Hetzner's type of load balancer."
  type        = string
  default     = "lb11"
}

variable "ingress_role" {
  description = "Role of the machines behind the load balancer where no pool has role ingress."
  type        = string
  default     = "worker"
}

variable "ingress_ports" {
  description = "Ports of the load balancer (listen) and the NodePorts of chart omegaml-ingress behind them (node)."
  type        = map(object({ listen = number, node = number }))
  default = {
    http    = { listen = 80, node = 30080 }
    https   = { listen = 443, node = 30443 }
    mongodb = { listen = 27017, node = 30017 }
    broker  = { listen = 5671, node = 30671 }
  }
}

variable "image" {
  description = "Image of new machines."
  type        = string
  default     = "ubuntu-24.04"
}

variable "ssh_keys" {
  description = "Names of Hetzner's SSH keys that open new machines. None: Hetzner mails a root password for each."
  type        = list(string)
  default     = []
}

variable "operator_ranges" {
  description = "Address ranges that reach port 22 and the Kubernetes API; none: nobody from outside, Rancher's own way works all the same."
  type        = set(string)
  default     = []
}
