# The project with its limits, monitoring and alerts: as for clusters that others made.

module "care" {
  source = "./care"

  cluster_id        = rancher2_cluster_sync.this.cluster_id
  system_project_id = rancher2_cluster_sync.this.system_project_id
  project           = var.project
  namespaces        = var.namespaces
  monitoring        = var.monitoring
  alerts            = var.alerts
}

# They were in this module itself.
moved {
  from = rancher2_project.this
  to   = module.care.rancher2_project.this
}

moved {
  from = rancher2_namespace.this
  to   = module.care.rancher2_namespace.this
}

moved {
  from = rancher2_namespace.monitoring
  to   = module.care.rancher2_namespace.monitoring
}

moved {
  from = rancher2_secret_v2.alertmanager
  to   = module.care.rancher2_secret_v2.alertmanager
}

moved {
  from = rancher2_app_v2.monitoring
  to   = module.care.rancher2_app_v2.monitoring
}
