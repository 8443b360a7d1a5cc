# What Rancher does for a cluster, whoever made it: the site's project with its limits, monitoring and alerts.

terraform {
  required_version = ">= 1.6"
  required_providers {
    rancher2 = {
      source  = "rancher/rancher2"
      version = ">= 13.0"
    }
  }
}
