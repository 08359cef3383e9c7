package dev.xiaolu.train;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// What a person needs to know about one component of [RunConfig]; the help, the defaults and the written configs are made from this.
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.FIELD, ElementType.RECORD_COMPONENT})
@interface Setting {
    /// One line of explanation, without a full stop.
    String value();

    /// The value where nobody gives one, as it would stand after `key=`.
    String standard();

    /// Whether a resumed run may give another value: it changes time, memory or output, and no bit of the weights.
    boolean free() default false;

    /// The only family of models that has this setting; none named: all have it. A section that bears a family's name is that family's without saying so.
    RunConfig.Family[] family() default {};
}
