terraform {
  required_providers {
    rancher2 = {
      source  = "rancher/rancher2"
      version = "~> 15.0"
    }
  }
}
