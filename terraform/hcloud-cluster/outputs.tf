locals {
  api_address = var.private_api ? local.controls[local.first] : hcloud_primary_ip.control[local.first].ip_address
  api_server  = "https://${local.api_address}:6443"
}

output "kubeconfig" {
  description = "Of the cluster's administrator. Its certificate is the one given in `keys`."
  sensitive   = true
  value = yamlencode({
    apiVersion      = "v1"
    kind            = "Config"
    current-context = var.name
    clusters = [{
      name = var.name
      cluster = {
        server                     = local.api_server
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

output "api_server" {
  description = "Where the Kubernetes API is reached: from api_ranges, or from the network with private_api."
  value       = local.api_server
}

output "ca" {
  description = "PEM of the authority of the Kubernetes API."
  value       = nonsensitive(var.keys.files["server-ca.crt"])
}

output "ingress" {
  description = "Addresses of the load balancer: where the site's names must lead to. Null without one."
  value = {
    ipv4 = one(hcloud_load_balancer.ingress[*].ipv4)
    ipv6 = one(hcloud_load_balancer.ingress[*].ipv6)
  }
}

output "machines" {
  description = "Each machine's pool, role, type and address, by node name."
  value = merge(
    { for server in hcloud_server.control : server.name => {
      pool = "control", role = var.control.role, server_type = server.server_type, address = server.ipv4_address
    } },
    { for key, server in hcloud_server.machine : server.name => {
      pool = local.machines[key].pool, role = local.machines[key].role, server_type = server.server_type, address = server.ipv4_address
    } },
  )
}

output "manifests" {
  description = "What the cluster's first machine applied, as it would be now: apply it after another token or chart version."
  sensitive   = true
  value       = local.manifests
}

output "joining" {
  description = "What machines of other roots need to join as workers, besides the token: module hcloud-nodepool takes it."
  value = {
    network_id    = local.network_id
    network_range = var.network_range
    subnet_id     = hcloud_network_subnet.this.id
    # A text in the provider's answers; who is given it wants a number.
    firewall_id = tonumber(hcloud_firewall.this.id)
    server      = var.join != "" ? var.join : local.controls[local.first]
    location    = var.location
    image       = var.image
    ssh_keys    = var.ssh_keys
    k3s_version = var.k3s_version
  }
}
