output "project_id" {
  description = "Of the site's project."
  value       = rancher2_project.this.id
}
