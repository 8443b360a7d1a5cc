# A user of Rancher for what runs in this cluster: an administrator's token in there would open every other cluster.

locals {
  service = nonsensitive(var.service_password != null) ? 1 : 0
}

resource "rancher2_user" "service" {
  count = local.service

  name     = "Service of cluster ${var.name}"
  username = "${var.name}-service"
  password = var.service_password
}

# May sign in, nothing else.
resource "rancher2_global_role_binding" "service" {
  count = local.service

  name           = "${var.name}-service"
  global_role_id = "user-base"
  user_id        = rancher2_user.service[0].id
}

resource "rancher2_cluster_role_template_binding" "service" {
  count = local.service

  name             = "${var.name}-service"
  cluster_id       = rancher2_cluster_v2.this.cluster_v1_id
  role_template_id = "cluster-owner"
  user_id          = rancher2_user.service[0].id
}

resource "rancher2_custom_user_token" "service" {
  count = local.service

  username    = rancher2_user.service[0].username
  password    = var.service_password
  description = "cluster ${var.name}"
  ttl         = var.service_token_days * 24 * 3600

  depends_on = [rancher2_global_role_binding.service, rancher2_cluster_role_template_binding.service]
}
