variable "volumes" {
  description = "Volumes by name. The size is a promise: the local cloud does not enforce it."
  type        = map(object({ size_gb = number }))
}
