variable "name" {
  description = "Name of the cluster; the volumes' names begin with it."
  type        = string
}

variable "location" {
  description = "Location of the volumes, such as fsn1. Only machines of this location can use them."
  type        = string
}

variable "volumes" {
  description = "Volumes by name: mongodb, mysql. At least 10 GB each; they can grow, never shrink."
  type        = map(object({ size_gb = number }))

  validation {
    condition     = alltrue([for volume in values(var.volumes) : volume.size_gb >= 10 && volume.size_gb <= 10240])
    error_message = "size_gb of a volume must be 10 to 10240."
  }
}

variable "protected" {
  description = "Whether nobody can delete the volumes. To purge: false, apply, then destroy."
  type        = bool
  default     = true
}
