# Google Compute Engine. Rancher by RANCHER_URL and RANCHER_TOKEN_KEY, the cloud by TF_VAR_credential.

provider "rancher2" {}

variable "credential" {
  description = "auth_encoded_json as a map."
  type        = map(string)
  sensitive   = true
}

variable "project" {
  type = string
}

module "cluster" {
  source = "../.."

  name               = "omegaml"
  kubernetes_version = "v1.35.8+rke2r1"
  credential         = var.credential

  google = {
    project       = var.project
    zone          = "europe-west3-a"
    network       = "default"
    machine_image = "ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64"
    disk_type     = "pd-balanced"
    username      = "ubuntu"
  }

  pools = {
    control  = { role = "control", machine_type = "e2-standard-2", disk_gb = 60, size = 1 }
    dbmaster = { role = "dbmaster", machine_type = "e2-standard-2", disk_gb = 60, size = 1 }
    ingress  = { role = "ingress", machine_type = "e2-medium", disk_gb = 40, size = 1 }
    system   = { role = "system", machine_type = "e2-medium", disk_gb = 40, size = 1 }
    worker   = { role = "worker", machine_type = "e2-standard-2", disk_gb = 60, size = 1, min = 1, max = 5 }
  }
}

output "pools" {
  value = module.cluster.pools
}

output "kubeconfig" {
  value     = module.cluster.kubeconfig
  sensitive = true
}
