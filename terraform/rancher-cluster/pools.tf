locals {
  settings = {
    amazonec2    = var.amazonec2 != null
    azure        = var.azure != null
    digitalocean = var.digitalocean != null
    google       = var.google != null
    linode       = var.linode != null
    openstack    = var.openstack != null
    vsphere      = var.vsphere != null
  }
  chosen = [for name, is_chosen in local.settings : name if is_chosen]
  driver = length(local.chosen) == 1 ? local.chosen[0] : "none"

  # By driver: the pools for the one that is used, none for the others.
  machines_of = { for name in keys(local.settings) : name => { for pool, spec in var.pools : pool => spec if name == local.driver } }

  credential = one(concat(
    data.rancher2_cloud_credential.known[*].id,
    rancher2_cloud_credential.amazonec2[*].id,
    rancher2_cloud_credential.azure[*].id,
    rancher2_cloud_credential.digitalocean[*].id,
    rancher2_cloud_credential.google[*].id,
    rancher2_cloud_credential.linode[*].id,
    rancher2_cloud_credential.openstack[*].id,
    rancher2_cloud_credential.vsphere[*].id,
  ))

  machine_configs = merge(
    rancher2_machine_config_v2.amazonec2,
    rancher2_machine_config_v2.azure,
    rancher2_machine_config_v2.digitalocean,
    rancher2_machine_config_v2.google,
    rancher2_machine_config_v2.linode,
    rancher2_machine_config_v2.openstack,
    rancher2_machine_config_v2.vsphere,
  )

  # Machine configs can't be imported: by this mark somebody finds what a lost state left behind.
  marks = merge({ "omegaml.io/cluster" = var.name }, var.ordered_by == null ? {} : { "omegaml.io/ordered-by" = var.ordered_by })

  sizes = {
    for name, pool in var.pools : name => pool.min == null ? pool.size : min(max(lookup(var.observed, name, pool.size), pool.min), pool.max)
  }
  autoscaling = {
    for name, pool in var.pools : name => pool.min == null ? null : merge(
      {
        "cluster.provisioning.cattle.io/autoscaler-min-size" = tostring(pool.min)
        "cluster.provisioning.cattle.io/autoscaler-max-size" = tostring(pool.max)
      },
      # Where there is no machine to look at, the autoscaler must be told what one would have.
      pool.cores == null ? {} : { "cluster.provisioning.cattle.io/autoscaler-resource-cpu" = tostring(pool.cores) },
      pool.memory_gb == null ? {} : { "cluster.provisioning.cattle.io/autoscaler-resource-memory" = "${pool.memory_gb}Gi" },
      pool.disk_gb == null ? {} : { "cluster.provisioning.cattle.io/autoscaler-resource-ephemeral-storage" = "${pool.disk_gb}Gi" },
    )
  }
}

data "rancher2_cloud_credential" "known" {
  count = var.credential_name == null ? 0 : 1
  name  = var.credential_name
}

# The provider activates a driver when it makes a credential; one that Rancher has was perhaps made for something else.
data "rancher2_node_driver" "used" {
  count = var.credential_name == null || local.driver == "none" ? 0 : 1
  name  = local.driver == "vsphere" ? "vmwarevsphere" : local.driver

  lifecycle {
    postcondition {
      condition     = self.active
      error_message = "Rancher's machine driver ${self.name} is not active: activate it under Cluster Management, Drivers."
    }
  }
}
