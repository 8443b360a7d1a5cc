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
