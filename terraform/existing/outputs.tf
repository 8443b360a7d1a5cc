output "cluster_id" {
  description = "Id of the cluster in Rancher."
  value       = rancher2_cluster.this.id
}

output "manifest_url" {
  description = "Where the manifest of Rancher's agent is: kubectl apply -f. The address holds a token."
  value       = rancher2_cluster.this.cluster_registration_token[0].manifest_url
  sensitive   = true
}

output "system_project_id" {
  description = "Project of what belongs to the cluster itself; null until it is registered."
  value       = one(rancher2_cluster_sync.this[*].system_project_id)
}

output "project_id" {
  description = "Of the site's project: the value of annotation field.cattle.io/projectId on its namespaces. Null until it is registered."
  value       = one(module.care[*].project_id)
}
