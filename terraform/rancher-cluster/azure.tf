# Machines of Azure.

variable "azure" {
  description = "Settings for all machines, as of `azure_config` of rancher2_machine_config_v2. Given, the machines are of Azure."
  type        = any
  default     = null

  # An object type would drop a misspelt name without a word.
  validation {
    condition     = var.azure == null || length(setsubtract(try(keys(var.azure), []), local.azure_names)) == 0
    error_message = "azure does not know ${join(", ", setsubtract(try(keys(var.azure), []), local.azure_names))}; it knows ${join(", ", local.azure_names)}."
  }
}

locals {
  azure_names = ["accelerated_networking", "availability_set", "availability_zone", "custom_data", "dns", "docker_port", "environment", "fault_domain_count", "image", "location", "managed_disks", "no_public_ip", "nsg", "open_port", "private_address_only", "private_ip_address", "resource_group", "ssh_user", "static_public_ip", "storage_type", "subnet", "subnet_prefix", "tags", "update_domain_count", "use_private_ip", "use_public_ip_standard_sku", "vnet"]
  # A pool may differ, for example in its zone.
  azure = { for name, pool in local.machines_of["azure"] : name => merge(var.azure, pool.machine) }
}

resource "rancher2_cloud_credential" "azure" {
  count = local.driver == "azure" && var.credential_name == null ? 1 : 0

  name        = var.name
  description = "Machines of cluster ${var.name}"
  labels      = local.marks

  azure_credential_config {
    client_id       = var.credential["client_id"]
    client_secret   = var.credential["client_secret"]
    subscription_id = var.credential["subscription_id"]
    tenant_id       = lookup(var.credential, "tenant_id", null)
  }

  lifecycle {
    precondition {
      condition     = length(setsubtract(["client_id", "client_secret", "subscription_id"], nonsensitive(keys(var.credential)))) == 0
      error_message = "credential needs ${join(", ", setsubtract(["client_id", "client_secret", "subscription_id"], nonsensitive(keys(var.credential))))}, or give credential_name."
    }
  }
}

resource "rancher2_machine_config_v2" "azure" {
  for_each = local.machines_of["azure"]

  generate_name = "${var.name}-${each.key}"
  labels        = merge(local.marks, { "omegaml.io/pool" = each.key })

  azure_config {
    accelerated_networking     = try(local.azure[each.key].accelerated_networking, null)
    availability_set           = try(local.azure[each.key].availability_set, null)
    availability_zone          = try(local.azure[each.key].availability_zone, null)
    custom_data                = try(local.azure[each.key].custom_data, null)
    disk_size                  = each.value.disk_gb
    dns                        = try(local.azure[each.key].dns, null)
    docker_port                = try(local.azure[each.key].docker_port, null)
    environment                = try(local.azure[each.key].environment, null)
    fault_domain_count         = try(local.azure[each.key].fault_domain_count, null)
    image                      = try(local.azure[each.key].image, null)
    location                   = try(local.azure[each.key].location, null)
    managed_disks              = try(local.azure[each.key].managed_disks, null)
    no_public_ip               = try(local.azure[each.key].no_public_ip, null)
    nsg                        = try(local.azure[each.key].nsg, null)
    open_port                  = try(local.azure[each.key].open_port, null)
    private_address_only       = try(local.azure[each.key].private_address_only, null)
    private_ip_address         = try(local.azure[each.key].private_ip_address, null)
    resource_group             = try(local.azure[each.key].resource_group, null)
    size                       = each.value.machine_type
    ssh_user                   = try(local.azure[each.key].ssh_user, null)
    static_public_ip           = try(local.azure[each.key].static_public_ip, null)
    storage_type               = try(local.azure[each.key].storage_type, null)
    subnet                     = try(local.azure[each.key].subnet, null)
    subnet_prefix              = try(local.azure[each.key].subnet_prefix, null)
    tags                       = try(local.azure[each.key].tags, null)
    update_domain_count        = try(local.azure[each.key].update_domain_count, null)
    use_private_ip             = try(local.azure[each.key].use_private_ip, null)
    use_public_ip_standard_sku = try(local.azure[each.key].use_public_ip_standard_sku, null)
    vnet                       = try(local.azure[each.key].vnet, null)
  }

  lifecycle {
    precondition {
      condition     = each.value.machine_type != null
      error_message = "Pool ${each.key} needs a machine_type."
    }
  }
}
