# Machines of Amazon EC2.

variable "amazonec2" {
  description = "Settings for all machines, as of `amazonec2_config` of rancher2_machine_config_v2. Needed: ami, region, security_group, subnet_id, vpc_id, zone. Given, the machines are of Amazon EC2."
  type        = any
  default     = null

  # An object type would drop a misspelt name without a word.
  validation {
    condition     = var.amazonec2 == null || length(setsubtract(try(keys(var.amazonec2), []), local.amazonec2_names)) == 0
    error_message = "amazonec2 does not know ${join(", ", setsubtract(try(keys(var.amazonec2), []), local.amazonec2_names))}; it knows ${join(", ", local.amazonec2_names)}."
  }

  validation {
    condition     = var.amazonec2 == null || length(setsubtract(["ami", "region", "security_group", "subnet_id", "vpc_id", "zone"], try(keys(var.amazonec2), []))) == 0
    error_message = "amazonec2 also needs ${join(", ", setsubtract(["ami", "region", "security_group", "subnet_id", "vpc_id", "zone"], try(keys(var.amazonec2), [])))}."
  }
}

locals {
  amazonec2_names = ["ami", "block_duration_minutes", "device_name", "enable_primary_ipv6", "encrypt_ebs_volume", "endpoint", "http_endpoint", "http_protocol_ipv6", "http_tokens", "iam_instance_profile", "insecure_transport", "ipv6_address_count", "ipv6_address_only", "kms_key", "monitoring", "open_port", "private_address_only", "region", "request_spot_instance", "retries", "security_group", "security_group_readonly", "spot_price", "ssh_key_contents", "ssh_user", "subnet_id", "tags", "use_ebs_optimized_instance", "use_private_address", "userdata", "volume_type", "vpc_id", "zone"]
  # A pool may differ, for example in its zone.
  amazonec2 = { for name, pool in local.machines_of["amazonec2"] : name => merge(var.amazonec2, pool.machine) }
}

resource "rancher2_cloud_credential" "amazonec2" {
  count = local.driver == "amazonec2" && var.credential_name == null ? 1 : 0

  name        = var.name
  description = "Machines of cluster ${var.name}"
  labels      = local.marks

  amazonec2_credential_config {
    access_key     = var.credential["access_key"]
    secret_key     = var.credential["secret_key"]
    default_region = try(var.amazonec2.region, null)
  }

  lifecycle {
    precondition {
      condition     = length(setsubtract(["access_key", "secret_key"], nonsensitive(keys(var.credential)))) == 0
      error_message = "credential needs ${join(", ", setsubtract(["access_key", "secret_key"], nonsensitive(keys(var.credential))))}, or give credential_name."
    }
  }
}

resource "rancher2_machine_config_v2" "amazonec2" {
  for_each = local.machines_of["amazonec2"]

  generate_name = "${var.name}-${each.key}"
  labels        = merge(local.marks, { "omegaml.io/pool" = each.key })

  amazonec2_config {
    ami                        = try(local.amazonec2[each.key].ami, null)
    block_duration_minutes     = try(local.amazonec2[each.key].block_duration_minutes, null)
    device_name                = try(local.amazonec2[each.key].device_name, null)
    enable_primary_ipv6        = try(local.amazonec2[each.key].enable_primary_ipv6, null)
    encrypt_ebs_volume         = try(local.amazonec2[each.key].encrypt_ebs_volume, null)
    endpoint                   = try(local.amazonec2[each.key].endpoint, null)
    http_endpoint              = try(local.amazonec2[each.key].http_endpoint, null)
    http_protocol_ipv6         = try(local.amazonec2[each.key].http_protocol_ipv6, null)
    http_tokens                = try(local.amazonec2[each.key].http_tokens, null)
    iam_instance_profile       = try(local.amazonec2[each.key].iam_instance_profile, null)
    insecure_transport         = try(local.amazonec2[each.key].insecure_transport, null)
    instance_type              = each.value.machine_type
    ipv6_address_count         = try(local.amazonec2[each.key].ipv6_address_count, null)
    ipv6_address_only          = try(local.amazonec2[each.key].ipv6_address_only, null)
    kms_key                    = try(local.amazonec2[each.key].kms_key, null)
    monitoring                 = try(local.amazonec2[each.key].monitoring, null)
    open_port                  = try(local.amazonec2[each.key].open_port, null)
    private_address_only       = try(local.amazonec2[each.key].private_address_only, null)
    region                     = try(local.amazonec2[each.key].region, null)
    request_spot_instance      = try(local.amazonec2[each.key].request_spot_instance, null)
    retries                    = try(local.amazonec2[each.key].retries, null)
    root_size                  = each.value.disk_gb
    security_group             = try(local.amazonec2[each.key].security_group, null)
    security_group_readonly    = try(local.amazonec2[each.key].security_group_readonly, null)
    spot_price                 = try(local.amazonec2[each.key].spot_price, null)
    ssh_key_contents           = try(local.amazonec2[each.key].ssh_key_contents, null)
    ssh_user                   = try(local.amazonec2[each.key].ssh_user, null)
    subnet_id                  = try(local.amazonec2[each.key].subnet_id, null)
    tags                       = try(local.amazonec2[each.key].tags, null)
    use_ebs_optimized_instance = try(local.amazonec2[each.key].use_ebs_optimized_instance, null)
    use_private_address        = try(local.amazonec2[each.key].use_private_address, null)
    userdata                   = try(local.amazonec2[each.key].userdata, null)
    volume_type                = try(local.amazonec2[each.key].volume_type, null)
    vpc_id                     = try(local.amazonec2[each.key].vpc_id, null)
    zone                       = try(local.amazonec2[each.key].zone, null)
  }

  lifecycle {
    precondition {
      condition     = each.value.machine_type != null
      error_message = "Pool ${each.key} needs a machine_type."
    }
  }
}
