terraform {
  required_providers {
    hcloud = {
      source  = "hetznercloud/hcloud"
      version = "~> 1.54"
    }
    # Goes with Rancher 2.15: catalog/rancher.yml.
    rancher2 = {
      source  = "rancher/rancher2"
      version = "~> 15.0"
    }
  }
}
