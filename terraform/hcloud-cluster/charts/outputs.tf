output "manifests" {
  description = "YAML: the Secret with the token, and the charts."
  sensitive   = true
  value = join("---\n", concat(
    [yamlencode({
      apiVersion = "v1"
      kind       = "Secret"
      metadata   = { name = "hcloud", namespace = "kube-system" }
      stringData = { token = var.hcloud_token, network = var.network_id }
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
