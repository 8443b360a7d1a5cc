output "kubeconfig" {
  description = "Of Terraform's own user. Its token expires (Rancher's setting kubeconfig-default-token-ttl-minutes, 30 days); reading it again renews it."
  value       = rancher2_cluster_sync.this.kube_config
  sensitive   = true
}

output "cluster_id" {
  description = "As Rancher's API calls the cluster: c-m-…"
  value       = rancher2_cluster_sync.this.cluster_id
}

output "project_id" {
  description = "Of the site's project: the value of annotation field.cattle.io/projectId on namespaces that shall count in its quota."
  value       = module.care.project_id
}

output "pools" {
  description = "Role and ordered size of each pool."
  value       = { for name, pool in var.pools : name => { role = pool.role, size = local.sizes[name] } }
}

output "registration" {
  description = "Of a custom cluster: the command by which a machine joins; its role flags come after it."
  value       = var.custom ? rancher2_cluster_v2.this.cluster_registration_token[0].node_command : null
  sensitive   = true
}

output "service_token" {
  description = "Of the service user, when there is one."
  value       = one(rancher2_custom_user_token.service[*].token)
  sensitive   = true
}
