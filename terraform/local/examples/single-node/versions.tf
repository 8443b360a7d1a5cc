terraform {
  required_providers {
    localcloud = {
      source  = "registry.opentofu.org/omegaml/localcloud"
      version = "~> 0.1"
    }
  }
}
