terraform {
  required_version = ">= 1.9"
  required_providers {
    rancher2 = {
      source = "rancher/rancher2"
      # Its major versions follow Rancher's minor ones: 15 is Rancher 2.15.
      version = "~> 15.0"
    }
  }
}
