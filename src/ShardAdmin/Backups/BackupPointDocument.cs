using System.Text.Json.Serialization;
using NpgsqlTypes;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardCore.Ring;
using ShardCore.RingDocuments;
using ShardCore.RingStorage;
using ShardCore.Shards;
using ShardCore.Shards.Failover;

namespace ShardAdmin.Backups;

/// <summary>The document of a backup point: <c>backup point</c> writes it and <c>restore check</c> reads it.</summary>
/// <param name="Document">Always <see cref="Kind"/>.</param>
/// <param name="Schema">The version of this document.</param>
/// <param name="Name">The name of the restore point in each shard's WAL.</param>
/// <param name="Id">Stands in each shard beside the name (<c>sharding.backup_point</c>).</param>
/// <param name="At">The time (UTC) after the last restore point was made.</param>
/// <param name="HeldMs">How long hand-overs were held, in milliseconds.</param>
/// <param name="Epoch">The epoch of the ring.</param>
/// <param name="Ring">The ring document, byte for byte as routers read it. While slots move it may be older than the shards' own
/// records, and those decide.</param>
/// <param name="Unfinished">The batches that stood in the journals.</param>
/// <param name="Checksum">SHA-256 of the document without this field.</param>
internal sealed record BackupPointDocument(
    string Document, int Schema, string Name, Guid Id, string Cluster, Guid ClusterId, DateTimeOffset At, double HeldMs, string By,
    long Epoch, string Ring,
    IReadOnlyList<BackupShard> Shards, IReadOnlyList<BackupBatch> Unfinished, string Checksum)
{
    public static readonly DocumentKind Kind = new(
        "shardadmin-backup-point", 1, "backup point",
        "shardadmin restore check FILE, with a document that 'shardadmin backup point NAME' wrote   "
        + "(docs/operations/backup-and-restore.md)");

    public BackupPointDocument WithChecksum() => this with { Checksum = Sum() };

    public string Write() => CheckedDocument.Write(this);

    /// <exception cref="CommandFailedException">Exit 2: the text is not a backup point. Exit 4: it is damaged, was edited, or has another
    /// version.</exception>
    public static BackupPointDocument Read(string text, string file) =>
        CheckedDocument.Read<BackupPointDocument>(text, file, Kind, document => document.Checksum == document.Sum());

    /// <exception cref="CommandFailedException">The ring in the document was written by another version of this program.</exception>
    public ShardRing ReadRing()
    {
        try
        {
            return RingDocumentCodec.Read(Ring);
        }
        catch (BadRingException e)
        {
            throw new CommandFailedException(
                ExitCode.Precondition, $"The ring in the backup point cannot be used: {e.Message}", "use the program that made it");
        }
    }

    public LastBackupPoint ToLast() => new(Name, Id, At, Epoch, [.. Shards.Select(shard => new BackupPlace(shard.Id, shard.Position))]);

    private string Sum() => CheckedDocument.SumOf(this with { Checksum = "" });
}

/// <summary>One shard at a backup point.</summary>
/// <param name="Address">Its address at that time.</param>
/// <param name="System">The system identifier of its server.</param>
/// <param name="Lsn">The end of the restore point in the WAL of this timeline.</param>
/// <param name="WalFile">The WAL file that contains the restore point. A restore needs all files up to this one.</param>
/// <param name="Archived">Whether that file was in the archive when the document was written; null: the server archives nothing.</param>
/// <param name="RingEpoch">The epoch of its copy of the shard list.</param>
/// <param name="Owned">The slots that it owned.</param>
internal sealed record BackupShard(
    string Id, string Address, string System, uint Timeline, string Lsn, string WalFile, bool? Archived, long RingEpoch,
    IReadOnlyList<OwnedSlots> Owned)
{
    [JsonIgnore]
    public ShardPosition Position => new(System, Timeline, NpgsqlLogSequenceNumber.Parse(Lsn));
}

/// <param name="Slots">As people write them: <c>5,7,9-12</c>.</param>
/// <param name="Epoch">The epoch in which the shard came to own them.</param>
internal sealed record OwnedSlots(string Slots, long Epoch)
{
    public static IReadOnlyList<OwnedSlots> Of(IEnumerable<OwnershipRun> runs) =>
        [.. runs.Where(run => run.IsOwner).GroupBy(run => run.Epoch.Value).OrderBy(same => same.Key)
            .Select(same => new OwnedSlots(SlotText.Of(same.SelectMany(run => run.Slots).Order(), int.MaxValue), same.Key))];
}

/// <summary>A batch that was not finished.</summary>
internal sealed record BackupBatch(Guid Operation, Guid Batch, string From, string To, string Slots, string Phase, string? Disputed)
{
    public static BackupBatch Of(SourcedBatch each) => new(
        each.Batch.OperationId, each.Batch.Id, each.Source.Id.Value, each.Batch.Target.Value,
        SlotText.Of(each.Batch.Slots.Order(), int.MaxValue),
        each.Batch.Phase.ToString().ToLowerInvariant(), each.Batch.Disputed);
}
