package showrunner.connect;

import io.apicurio.registry.rest.client.exception.NotFoundException;
import io.apicurio.registry.utils.converter.AvroConverter;
import io.apicurio.rest.client.error.ApicurioRestClientException;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.errors.RetriableException;

/**
 * Apicurio's Avro converter that tells a registry out of reach from a message that cannot be read.
 *
 * <p>With {@code errors.tolerance=all} Connect takes whatever a converter throws for the message's fault and moves the
 * message to the dead letters: an outage of the registry would empty the topic into them. A {@link RetriableException}
 * is tried again instead, for as long as {@code errors.retry.timeout} says.
 */
public final class RegistryAvroConverter extends AvroConverter<Object> {

  @Override
  public SchemaAndValue toConnectData(String topic, byte[] value) {
    try {
      return super.toConnectData(topic, value);
    } catch (RuntimeException error) {
      throw judged(error);
    }
  }

  @Override
  public SchemaAndValue toConnectData(String topic, Headers headers, byte[] value) {
    try {
      return super.toConnectData(topic, headers, value);
    } catch (RuntimeException error) {
      throw judged(error);
    }
  }

  private static RuntimeException judged(RuntimeException error) {
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      // the registry answered: it knows no such schema, so nobody wrote the message with one
      if (cause instanceof NotFoundException) {
        return error;
      }
      if (cause instanceof ApicurioRestClientException) {
        return new RetriableException("the schema registry cannot be used: " + cause.getMessage(), error);
      }
    }
    return error;
  }
}
