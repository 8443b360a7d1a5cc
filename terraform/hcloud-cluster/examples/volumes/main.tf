# The volumes of the other examples, in a root of their own: destroying the cluster leaves them.
# Usage: HCLOUD_TOKEN=… tofu apply

provider "hcloud" {}

module "volumes" {
  source   = "../../../hcloud-volumes"
  name     = "omega"
  location = "fsn1"
  volumes  = { mongodb = { size_gb = 20 }, mysql = { size_gb = 10 } }
}

output "storage_values" {
  value = module.volumes.storage_values
}
