# What a cluster of plain machines lacks at Hetzner, as HelmChart objects of k3s and RKE2. Versions are those of the catalogue.

terraform {
  required_version = ">= 1.6"
}

locals {
  charts = yamldecode(file("${path.module}/../../../catalog/providers/hcloud.yml")).charts

  chart_values = {
    hcloud-cloud-controller-manager = {
      networking = { enabled = true, clusterCIDR = var.pods_range }
      env = {
        # An overlay carries the pods' traffic.
        HCLOUD_NETWORK_ROUTES_ENABLED = { value = "false" }
        # The load balancer is Terraform's; one made by a Service would outlive the cluster, and cost.
        HCLOUD_LOAD_BALANCERS_ENABLED = { value = "false" }
      }
    }
    hcloud-csi = {
      # It asks the metadata service who it is, which pods can't reach.
      node = { hostNetwork = true }
      # By the labels what it made is found when the cluster is gone.
      controller = { hcloudVolumeDefaultLocation = var.location, volumeExtraLabels = var.labels }
      storageClasses = [
        { name = "hcloud-volumes", defaultStorageClass = true, reclaimPolicy = "Delete" },
      ]
    }
    cert-manager = { crds = { enabled = true } }
  }
}
