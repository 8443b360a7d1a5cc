# What a cluster of plain machines lacks at Hetzner, as k3s' HelmChart objects. Versions are those of the catalogue.
# The first machine applies them once. In k3s' own folder of manifests they would be put back at every restart of k3s,
# upgrades undone.

locals {
  charts = yamldecode(file("${path.module}/../../catalog/providers/hcloud.yml")).charts

  chart_values = {
    hcloud-cloud-controller-manager = {
      networking = { enabled = true, clusterCIDR = local.pods_range }
      env = {
        # Flannel carries the pods' traffic.
        HCLOUD_NETWORK_ROUTES_ENABLED = { value = "false" }
        # The load balancer is Terraform's; one made by a Service would outlive the cluster, and cost.
        HCLOUD_LOAD_BALANCERS_ENABLED = { value = "false" }
      }
    }
    hcloud-csi = {
      # It asks the metadata service who it is, which pods can't reach.
      node = { hostNetwork = true }
      # By the labels what it made is found when the cluster is gone.
      controller = { hcloudVolumeDefaultLocation = var.location, volumeExtraLabels = local.labels }
      storageClasses = [
        { name = "hcloud-volumes", defaultStorageClass = true, reclaimPolicy = "Delete" },
      ]
    }
    cert-manager = { crds = { enabled = true } }
  }

  manifests = join("---\n", concat(
    [yamlencode({
      apiVersion = "v1"
      kind       = "Secret"
      metadata   = { name = "hcloud", namespace = "kube-system" }
      stringData = { token = var.hcloud_token, network = tostring(local.network_id) }
    })],
    [
      for chart in local.charts : yamlencode({
        apiVersion = "helm.cattle.io/v1"
        kind       = "HelmChart"
        metadata   = { name = chart.release, namespace = "kube-system" }
        spec = {
          repo            = chart.repository
          chart           = chart.chart
          version         = chart.version
          targetNamespace = chart.namespace
          createNamespace = true
          bootstrap       = chart.bootstrap
          valuesContent   = yamlencode(local.chart_values[chart.release])
        }
      })
    ],
  ))
}
