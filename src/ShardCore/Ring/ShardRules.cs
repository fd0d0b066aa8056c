namespace ShardCore.Ring;

/// <summary>The rules for a shard's address and weight, for the ring document and for people's input alike.</summary>
public static class ShardRules
{
    /// <returns>A sentence about the first broken rule, or null when the shard is well-formed.</returns>
    public static string? FirstViolation(Shard shard)
    {
        foreach (var host in shard.At.Hosts)
        {
            if (host.Name.Length is 0 or > 253 || host.Name.Any(c => !(char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or ':')))
                return $"Shard {shard.Id} has the host '{host.Name}', which is neither a host name nor an IP address.";
            if (host.Port is < 1 or > 65_535)
                return $"Shard {shard.Id} has the port {host.Port}; a port is 1…65535.";
        }
        if (shard.At.Hosts.Length is 0 or > ShardAddress.MaxHosts)
            return $"Shard {shard.Id} has {shard.At.Hosts.Length} hosts; it has 1…{ShardAddress.MaxHosts}.";
        if (shard.At.Hosts.GroupBy(host => host).FirstOrDefault(same => same.Count() > 1) is { } twice)
            return $"Shard {shard.Id} names the host {twice.Key} twice.";
        if (shard.Database.Length is 0 or > 63 || shard.Database.Any(char.IsControl))
            return $"Shard {shard.Id} has the database name '{shard.Database}'; a name is 1…63 characters.";
        return shard.Weight is < 1 or > Shard.MaxWeight
            ? $"Shard {shard.Id} has the weight {shard.Weight}; a weight is 1…{Shard.MaxWeight}."
            : null;
    }
}
