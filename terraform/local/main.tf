# One cluster on this computer and its machines, ordered from the local cloud.

terraform {
  required_version = ">= 1.6"
  required_providers {
    localcloud = {
      source  = "registry.opentofu.org/omegaml/localcloud"
      version = "~> 0.1"
    }
  }
}

resource "localcloud_cluster" "this" {
  name               = var.name
  kubernetes_version = var.kubernetes_version
  domain             = var.domain
  volumes            = var.volumes
  ports              = var.ports
  links              = var.links
}

resource "localcloud_machine" "this" {
  for_each = var.machines

  cluster   = localcloud_cluster.this.name
  name      = each.key
  cores     = each.value.cores
  memory_gb = each.value.memory_gb
  role      = each.value.role
  labels    = each.value.labels
  taints    = each.value.taints
  simulated = each.value.simulated
  gpu       = each.value.gpu
}
