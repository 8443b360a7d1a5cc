# The smallest full site: one machine per role. Usage: LOCALCLOUD_ENDPOINT=unix:///path/api.sock tofu apply

provider "localcloud" {}

module "volumes" {
  source  = "../../../local-volumes"
  volumes = { mongodb = { size_gb = 20 }, mysql = { size_gb = 10 }, rabbitmq = { size_gb = 5 } }
}

module "cluster" {
  source  = "../.."
  name    = "omega"
  volumes = keys(module.volumes.paths)
  ports = [
    { host = 8080, node = 30080 },
    { host = 8443, node = 30443 },
  ]
  machines = {
    dbmaster-1 = { role = "dbmaster", cores = 2, memory_gb = 8 }
    ingress-1  = { role = "ingress", cores = 2, memory_gb = 4 }
    system-1   = { role = "system", cores = 2, memory_gb = 4 }
    worker-1   = { role = "worker", cores = 2, memory_gb = 8 }
  }
}

output "machines" {
  value = module.cluster.machines
}
