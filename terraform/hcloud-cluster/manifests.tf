# The first machine applies them once. In k3s' own folder of manifests they would be put back at every restart of k3s,
# upgrades undone.

module "charts" {
  source = "./charts"

  hcloud_token = var.hcloud_token
  network_id   = tostring(local.network_id)
  location     = var.location
  labels       = local.labels
  pods_range   = local.pods_range
}

locals {
  manifests = module.charts.manifests
}
