# Named folders on this computer. A root of their own: they stay when the cluster goes.

terraform {
  required_version = ">= 1.6"
  required_providers {
    localcloud = {
      source  = "registry.opentofu.org/omegaml/localcloud"
      version = "~> 0.1"
    }
  }
}

resource "localcloud_volume" "this" {
  for_each = var.volumes

  name    = each.key
  size_gb = each.value.size_gb
}
