variable "cluster" {
  description = "Name of the cluster that the machines join."
  type        = string
}

variable "pool" {
  description = "Name of the pool, unique in the project at Hetzner."
  type        = string
}

variable "joining" {
  description = "Output `joining` of module hcloud-cluster."
  type = object({
    network_id    = number
    network_range = string
    subnet_id     = optional(string)
    firewall_id   = number
    server        = string
    location      = string
    image         = string
    ssh_keys      = list(string)
    k3s_version   = string
  })
}

variable "agent_token" {
  description = "With which workers join; `agent_token` of the cluster's keys."
  type        = string
  sensitive   = true
}

variable "machines" {
  description = "Machines by name, ten at most. A role becomes the node label omegaml.io/role; labels and taints are for new machines."
  type = map(object({
    role        = string
    server_type = string
    labels      = optional(map(string), {})
    taints      = optional(set(object({ key = string, value = optional(string, ""), effect = string })), [])
  }))

  validation {
    condition     = length(var.machines) <= 10
    error_message = "A pool has ten machines at most: Hetzner's placement groups take no more."
  }
}
