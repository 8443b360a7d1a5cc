variable "hcloud_token" {
  description = "Token of Hetzner's API for the cloud controller and the CSI driver."
  type        = string
  sensitive   = true
}

variable "network_id" {
  description = "Private network of the machines."
  type        = string
}

variable "location" {
  description = "Where volumes are made."
  type        = string
}

variable "labels" {
  description = "Of the volumes that the CSI driver makes."
  type        = map(string)
}

variable "pods_range" {
  description = "Range of the pods' addresses."
  type        = string
}
