variable "name" {
  description = "Name of the cluster, one per site."
  type        = string
}

variable "kubernetes_version" {
  description = "Version of Kubernetes that the local cloud has programs for."
  type        = string
  default     = "1.37.2"
}

variable "domain" {
  description = "The cluster's DNS answers this domain and its subdomains with the ingress."
  type        = string
  default     = "omega.localhost"
}

variable "volumes" {
  description = "Names of volumes that the machines see; they must exist."
  type        = set(string)
  default     = []
}

variable "ports" {
  description = "Ports of this computer (host) that lead to a NodePort (node): of its loopback, or of one of its addresses (0.0.0.0: all)."
  type        = set(object({ host = number, node = number, address = optional(string) }))
  default     = []
}

variable "links" {
  description = "Ports of the cluster's own address (output dns) that lead to a NodePort of the first cluster of this computer."
  type        = set(object({ port = number, node = number }))
  default     = []
}

variable "machines" {
  description = "Machines by name. A role becomes the node label omegaml.io/role."
  type = map(object({
    role      = string
    cores     = number
    memory_gb = number
    labels    = optional(map(string), {})
    taints    = optional(set(object({ key = string, value = optional(string, ""), effect = string })), [])
    simulated = optional(bool, false)
    gpu       = optional(number, 0)
  }))

  validation {
    condition     = length(var.machines) > 0
    error_message = "A cluster needs one machine at least."
  }
}
