terraform {
  required_version = ">= 1.9"
  required_providers {
    rancher2 = {
      source = "rancher/rancher2"
      # Its major versions follow Rancher's minor ones: 15 is Rancher 2.15. Which one it is, the root says
      # (catalog/rancher.yml). Written and tried with the attributes of 15.0.
      version = ">= 13.1, < 16.0"
    }
  }
}
