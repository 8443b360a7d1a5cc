output "address" {
  description = "Where Rancher's name must lead to."
  value       = hcloud_primary_ip.this.ip_address
}

output "url" {
  description = "Where Rancher is."
  value       = "https://${local.hostname}"
}

output "rancher_version" {
  description = "Version of Rancher that is wanted. A running one has it after its manifests were applied."
  value       = module.charts.rancher_version
}

output "manifests" {
  description = "What the machine applied at its first start, as it would be now: apply it to upgrade Rancher, or after a change of its backups."
  sensitive   = true
  value       = module.charts.manifests
}

output "kubeconfig" {
  description = "Of the administrator of Rancher's own cluster."
  sensitive   = true
  value = yamlencode({
    apiVersion      = "v1"
    kind            = "Config"
    current-context = var.name
    clusters = [{
      name = var.name
      cluster = {
        server                     = "https://${hcloud_primary_ip.this.ip_address}:6443"
        certificate-authority-data = base64encode(var.keys.files["server-ca.crt"])
      }
    }]
    users = [{
      name = "admin"
      user = {
        client-certificate-data = base64encode(var.keys.admin_crt)
        client-key-data         = base64encode(var.keys.admin_key)
      }
    }]
    contexts = [{ name = var.name, context = { cluster = var.name, user = "admin" } }]
  })
}
