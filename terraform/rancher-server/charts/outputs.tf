output "rancher_version" {
  description = "Version of Rancher that is wanted."
  value       = local.version

  precondition {
    condition     = length(local.lines) == 1
    error_message = "rancher_version ${local.version} is of no line in catalog/rancher.yml; there are ${join(", ", [for line in local.catalogue.lines : "${line.rancher}.x"])}."
  }

  precondition {
    condition     = nonsensitive(var.backup == null) || try(local.line.backup, "") != ""
    error_message = "catalog/rancher.yml knows no chart rancher-backup for Rancher ${local.version}; add its version there, or leave backup out."
  }
}

output "kubernetes" {
  description = "Least and last minor version of Kubernetes that this Rancher takes."
  value       = try(local.line.kubernetes, null)
}

output "manifests" {
  description = "For a k3s cluster: kubectl apply, again and again until it succeeds."
  sensitive   = true
  value = join("---\n", concat(
    [
      for chart in local.charts : yamlencode({
        apiVersion = "helm.cattle.io/v1"
        kind       = "HelmChart"
        metadata   = { name = chart.name, namespace = "kube-system" }
        spec = {
          repo            = chart.repo
          chart           = chart.chart
          version         = chart.version
          targetNamespace = chart.namespace
          createNamespace = true
          valuesContent   = chart.values
        }
      })
    ],
    local.backup_objects,
  ))
}

output "charts" {
  description = "For any cluster: what to install with Helm, in this order, with these values (YAML)."
  sensitive   = true
  value       = local.charts
}

output "objects" {
  description = "For any cluster: what to apply after the charts (YAML)."
  sensitive   = true
  value       = join("---\n", local.backup_objects)
}
